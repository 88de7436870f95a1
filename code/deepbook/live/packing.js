// Arrays out of the page's data: the other half of packing.py.

// A Float32Array with its shape, from what Packed.to_json wrote.
export function unpack({ array, shape, base64, scale }) {
  const bytes = bytesOf(base64);
  const codes = {
    float32: () => new Float32Array(bytes.buffer),
    float16: () => Float32Array.from(new Uint16Array(bytes.buffer), half),
    int8: () => Float32Array.from(new Int8Array(bytes.buffer)),
    uint8: () => Float32Array.from(bytes),
  }[array]();
  if (scale) {
    const scales = new Float32Array(bytesOf(scale).buffer);
    for (let i = 0; i < codes.length; i++) codes[i] *= scales[i % scales.length];
  }
  codes.shape = shape;
  return codes;
}

// The page's data as Python gave it, arrays unpacked.
export const revive = (text) =>
  JSON.parse(text, (_, value) => (value?.base64 === undefined ? value : unpack(value)));

const bytesOf = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

// A float16 from its 16 bits: sign, 5 of exponent, 10 of mantissa (IEEE 754).
export function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  return sign * (1024 + mantissa) * 2 ** (exponent - 25);
}
