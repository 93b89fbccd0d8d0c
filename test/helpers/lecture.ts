/**
 * The matrices of the lecture notes, built element by element from their definitions: vec and mat (1.3.3), P_phi (1.3.3), P_pad
 * (1.3.5), P_pool = M P_phi (1.3.6), the Kronecker product (3.1). Dense, for small shapes; images are d x ab matrices whose columns
 * run down the image first (z_11, z_21, ...), filters d_out x hhd matrices, so nothing here shares an index with the kernels.
 */

/** A dense matrix; `values` stacks its columns, so it is vec(M). */
export class Matrix {
  constructor(
    readonly rows: number,
    readonly columns: number,
    readonly values = new Float64Array(rows * columns),
  ) {
    if (values.length !== rows * columns)
      throw new RangeError(`${rows} x ${columns} matrix of ${values.length} values`);
  }

  get(i: number, j: number): number {
    if (i < 0 || i >= this.rows || j < 0 || j >= this.columns)
      throw new RangeError(`(${i}, ${j}) of ${this.rows} x ${this.columns}`);
    return this.values[j * this.rows + i]!;
  }

  set(i: number, j: number, value: number): void {
    this.get(i, j);
    this.values[j * this.rows + i] = value;
  }

  static from(rows: number, columns: number, element: (i: number, j: number) => number): Matrix {
    const matrix = new Matrix(rows, columns);
    let place = 0;
    for (let j = 0; j < columns; j++) for (let i = 0; i < rows; i++) matrix.values[place++] = element(i, j);
    return matrix;
  }

  get transpose(): Matrix {
    return Matrix.from(this.columns, this.rows, (i, j) => this.get(j, i));
  }

  times(other: Matrix): Matrix {
    if (this.columns !== other.rows)
      throw new RangeError(`${this.rows} x ${this.columns} times ${other.rows} x ${other.columns}`);
    const product = new Matrix(this.rows, other.columns);
    for (let j = 0; j < other.columns; j++)
      for (let p = 0; p < this.columns; p++)
        for (let i = 0; i < this.rows; i++)
          product.values[j * this.rows + i]! += this.values[p * this.rows + i]! * other.values[j * other.rows + p]!;
    return product;
  }

  plus(other: Matrix): Matrix {
    return Matrix.from(this.rows, this.columns, (i, j) => this.get(i, j) + other.get(i, j));
  }

  map(f: (value: number) => number): Matrix {
    return new Matrix(this.rows, this.columns, this.values.map(f));
  }

  /** The Hadamard product. */
  hadamard(other: Matrix): Matrix {
    return Matrix.from(this.rows, this.columns, (i, j) => this.get(i, j) * other.get(i, j));
  }
}

/** Definition 1.3.5: the columns of M one below the other. */
export function vec(m: Matrix): Matrix {
  return new Matrix(m.rows * m.columns, 1, m.values);
}

/** Definition 1.3.6: the inverse of vec. */
export function mat(v: Matrix, rows: number, columns: number): Matrix {
  return new Matrix(rows, columns, v.values);
}

export function ones(length: number): Matrix {
  return Matrix.from(length, 1, () => 1);
}

export function identity(size: number): Matrix {
  return Matrix.from(size, size, (i, j) => (i === j ? 1 : 0));
}

/** A (x) B: the blocks a_ij B. */
export function kronecker(a: Matrix, b: Matrix): Matrix {
  return Matrix.from(
    a.rows * b.rows,
    a.columns * b.columns,
    (i, j) => a.get(Math.floor(i / b.rows), Math.floor(j / b.columns)) * b.get(i % b.rows, j % b.columns),
  );
}

/** Size of an image, the lecture's a x b x d: height, width, channels. */
export interface Size {
  a: number;
  b: number;
  d: number;
}

/** Theorem 1.3.1. */
export function convolvedSize({ a, b, d }: Size, h: number, s: number): Size {
  return { a: Math.floor((a - h) / s) + 1, b: Math.floor((b - h) / s) + 1, d };
}

/** Definition 1.3.7: the 0/1 matrix with phi(Z) = mat(P_phi vec(Z)), hhd x a_out b_out. */
export function pPhi(size: Size, h: number, s: number): Matrix {
  const { a, b, d } = size;
  const { a: aOut, b: bOut } = convolvedSize(size, h, s);
  const p = new Matrix(h * h * d * aOut * bOut, d * a * b);
  for (let v = 0; v < bOut; v++)
    for (let u = 0; u < aOut; u++)
      for (let channel = 0; channel < d; channel++)
        for (let j = 0; j < h; j++)
          for (let i = 0; i < h; i++) {
            const row = i + h * j + h * h * channel + h * h * d * (u + aOut * v);
            p.set(row, channel + d * (u * s + i + a * (v * s + j)), 1);
          }
  return p;
}

/** Definition 1.3.9: the 0/1 matrix that puts an image inside a border of p zeros. */
export function pPad({ a, b, d }: Size, p: number): Matrix {
  const matrix = new Matrix(d * (a + 2 * p) * (b + 2 * p), d * a * b);
  for (let v = 0; v < b; v++)
    for (let u = 0; u < a; u++)
      for (let channel = 0; channel < d; channel++)
        matrix.set(channel + d * (u + p + (a + 2 * p) * (v + p)), channel + d * (u + a * v), 1);
  return matrix;
}

/** Equation 1.5: the P_phi of pooling, with phi(Z) = mat(P_phi vec(Z)), hh x d a_out b_out: a column for each output. */
export function pPhiOfPooling(size: Size, h: number, s: number): Matrix {
  const { a, b, d } = size;
  const { a: aOut, b: bOut } = convolvedSize(size, h, s);
  const p = new Matrix(h * h * d * aOut * bOut, d * a * b);
  for (let v = 0; v < bOut; v++)
    for (let u = 0; u < aOut; u++)
      for (let channel = 0; channel < d; channel++)
        for (let j = 0; j < h; j++)
          for (let i = 0; i < h; i++) {
            const row = i + h * j + h * h * (channel + d * (u + aOut * v));
            p.set(row, channel + d * (u * s + i + a * (v * s + j)), 1);
          }
  return p;
}

/** Definition 1.3.10: P_pool = M P_phi, where row o of M has its 1 at the maximum of column o of phi(Z); the first one in row-major order. */
export function pPool(z: Matrix, size: Size, h: number, s: number): Matrix {
  const phi = pPhiOfPooling(size, h, s);
  const outputs = phi.rows / (h * h);
  const windows = mat(phi.times(vec(z)), h * h, outputs);
  const m = new Matrix(outputs, h * h * outputs);
  for (let o = 0; o < outputs; o++) {
    let best = 0;
    for (let i = 0; i < h; i++)
      for (let j = 0; j < h; j++) if (windows.get(i + h * j, o) > windows.get(best, o)) best = i + h * j;
    m.set(o, best + h * h * o, 1);
  }
  return m.times(phi);
}

// ---- between the kernels' memory order and the lecture's matrices ----

/** Image number `image` of an N H W C array as the lecture's d x ab matrix. */
export function imageMatrix(values: ArrayLike<number>, image: number, { a, b, d }: Size): Matrix {
  return Matrix.from(d, a * b, (channel, pixel) => {
    const [u, v] = [pixel % a, Math.floor(pixel / a)];
    return values[((image * a + u) * b + v) * d + channel]!;
  });
}

/** Filters R S C K (h x h x d x d_out) as the lecture's W, d_out x hhd. */
export function filterMatrix(values: ArrayLike<number>, h: number, d: number, dOut: number): Matrix {
  return Matrix.from(dOut, h * h * d, (filter, place) => {
    const [i, j, channel] = [place % h, Math.floor(place / h) % h, Math.floor(place / (h * h))];
    return values[((i * h + j) * d + channel) * dOut + filter]!;
  });
}
