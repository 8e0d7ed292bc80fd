/** A port of the servers that test/ports.sh starts: all move together, so that several clones can test at once. */
export const testPort = (port: number): string =>
  String(port + Number(process.env.PORTCULLIS_TEST_SHIFT ?? 0))
