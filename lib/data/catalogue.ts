/**
 * Data sets that can be fetched: where they are handed out, and the MD5 sums of their files. The sums of MNIST and Fashion-MNIST are those in
 * torchvision's datasets/mnist.py, the latter also in Zalando's README; those of CIFAR stand on www.cs.toronto.edu/~kriz/cifar.html.
 */

export interface FetchedFile {
  readonly name: string;
  readonly md5: string;
  /** Of an archive: the files in it that are kept, and their sizes. The archive goes. Default: the file itself is kept. */
  readonly holds?: Readonly<Record<string, number>>;
}

export interface FetchedSet {
  /** Where the files are. */
  readonly url: string;
  readonly files: readonly FetchedFile[];
}

const idx = (trainImages: string, trainLabels: string, testImages: string, testLabels: string): FetchedFile[] => [
  { name: 'train-images-idx3-ubyte.gz', md5: trainImages },
  { name: 'train-labels-idx1-ubyte.gz', md5: trainLabels },
  { name: 't10k-images-idx3-ubyte.gz', md5: testImages },
  { name: 't10k-labels-idx1-ubyte.gz', md5: testLabels },
];

const BATCH = 10_000 * 3073;

export const catalogue = {
  mnist: {
    url: 'https://ossci-datasets.s3.amazonaws.com/mnist/',
    files: idx(
      'f68b3c2dcbeaaa9fbdd348bbdeb94873',
      'd53e105ee54ea40749a09fcbcd1e9432',
      '9fb629c4189551a2d022fa330f9573f3',
      'ec29112dd5afa0611ce80d1b7f02629c',
    ),
  },
  fashion: {
    url: 'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/',
    files: idx(
      '8d4fb7e6c68d591d4c3dfef9ec88bf0d',
      '25c81989df183df01b3e8a0aad5dffbe',
      'bef4ecab320f06d8554ea6380940ec79',
      'bb300cfdad3c16e7a12a480ee83cd310',
    ),
  },
  cifar10: {
    url: 'https://www.cs.toronto.edu/~kriz/',
    files: [
      {
        name: 'cifar-10-binary.tar.gz',
        md5: 'c32a1d4ab5d03f1284b67883e8d87530',
        holds: {
          ...Object.fromEntries([1, 2, 3, 4, 5].map((batch) => [`data_batch_${batch}.bin`, BATCH])),
          'test_batch.bin': BATCH,
        },
      },
    ],
  },
  cifar100: {
    url: 'https://www.cs.toronto.edu/~kriz/',
    files: [
      {
        name: 'cifar-100-binary.tar.gz',
        md5: '03b5dce01913d631647c71ecec9e9cb8',
        holds: { 'train.bin': 50_000 * 3074, 'test.bin': 10_000 * 3074 },
      },
    ],
  },
} as const satisfies Record<string, FetchedSet>;

export type FetchedName = keyof typeof catalogue;
export const fetchedNames = Object.keys(catalogue) as FetchedName[];
