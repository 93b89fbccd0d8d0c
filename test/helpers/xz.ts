/** "+1 1:0.5 3:-2\n-1 2:1e-1\n", two rows of libsvm's format, by the program xz. */
export const packedByXz: Uint8Array = Buffer.from(
  '/Td6WFoAAATm1rRGAgAhARwAAAAQz1jMAQAXKzEgMTowLjUgMzotMgotMSAyOjFlLTEKAOahuMMSuzS6AAEwGI4brOwftvN9AQAAAAAEWVo=',
  'base64',
);
