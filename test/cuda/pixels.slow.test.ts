/** The whole numbers behind the convolutions on a GPU (cuda/pixels.cuh). */
import { testHostProgram } from '../helpers/host-program.js';

testHostProgram('pixels', ['divisors', 'pixels', 'quads', 'windows', 'phases', 'covering', 'limits'], {
  flags: ['-O2'],
});
