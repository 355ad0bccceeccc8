/**
 * Measures each contender once a round. What else the machine does falls on all of them alike, and as every other round
 * goes backwards none always follows the same one. Gives each contender's measurements, in its place.
 */
export async function interleaved(rounds, contenders, measure) {
  const measured = contenders.map(() => []);
  for (let round = 0; round < rounds; round++) {
    const order = [...contenders.keys()];
    if (round % 2) order.reverse();
    for (const place of order) measured[place].push(await measure(contenders[place]));
  }
  return measured;
}

export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
