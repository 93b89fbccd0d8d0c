/** One stem everywhere: the files of a kernel follow from its name. */

const SUFFIX = /_(forward|backward|backward_input|backward_filter|select|expected|inference|affine|average|step)$/;

/** `max_pool2d` of `max_pool2d_forward`; the gathers share one stem. */
export function stemOf(kernel: string): string {
  return kernel.startsWith('gather_') ? 'gather' : kernel.replace(SUFFIX, '');
}

/** `max-pool2d` of `max_pool2d`: file names in TypeScript. */
export function kebab(stem: string): string {
  return stem.replaceAll('_', '-');
}

/** `maxPool2dForward` of `max_pool2d_forward`: function names in TypeScript. */
export function camel(kernel: string): string {
  return kernel.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
