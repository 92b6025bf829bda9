const wanted = [22, 17];

/** Throws when the tests run on a Node that the library does not support. */
export function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > wanted[0] || (major === wanted[0] && minor >= wanted[1])) return;
  throw new Error(
    `The tests need Node ${wanted.join('.')} or newer; this is ${process.versions.node} at ${process.execPath}.\n` +
      '  → Run them with `npm test`: npm then uses the Node of node_modules.',
  );
}
