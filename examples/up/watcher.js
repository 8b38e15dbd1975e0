/** A component of examples/up.yaml that prints committed rounds. Any program can be a component. */

const server = process.env.QUORATE_SERVER; // set for every component

for (let printed = -1; ;) {
  const response = await fetch(`${server}/v1/sessions/line`);
  const { committed } = await response.json();
  if (committed !== printed) console.log(`round ${(printed = committed)}`);
  await new Promise((resolve) => setTimeout(resolve, 200));
}
