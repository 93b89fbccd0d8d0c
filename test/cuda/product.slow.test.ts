/** The core of products on a GPU (cuda/product.cuh), each tile and order of operands. */
import { testHostProgram } from '../helpers/host-program.js';

testHostProgram('product', ['slices', 'tiles', 'parts', 'wide', 'plans'], { fibers: true });
