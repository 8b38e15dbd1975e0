/** A component of examples/up.yaml: tells of committed rounds. Any program can be one. */

const server = process.env.QUORATE_SERVER; // given to every component

for (let told = -1; ;) {
  const answer = await fetch(`${server}/v1/sessions/line`);
  const { committed } = await answer.json();
  if (committed !== told) console.log(`round ${(told = committed)}`);
  await new Promise((resolve) => setTimeout(resolve, 200));
}
