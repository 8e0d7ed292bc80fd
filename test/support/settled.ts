/** Lets everything that waits for nothing but its turn take it. */
export async function settled(rounds = 5): Promise<void> {
  for (let round = 0; round < rounds; round += 1) await new Promise((resolve) => setImmediate(resolve))
}
