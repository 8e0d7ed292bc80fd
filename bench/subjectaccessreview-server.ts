export async function serveTable(_: readonly number[]) {}
