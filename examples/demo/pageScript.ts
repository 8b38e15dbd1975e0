/**
 * The page's script, in plain JavaScript for any browser: readings under the pointer, and highlighting by name. It is a
 * string because it is written into the page, not compiled.
 */
export const script = `
const { pipelines, runs } = JSON.parse(document.getElementById('measured').textContent);
const buttons = document.querySelectorAll('.legend button');
let pinned;

function single(series) {
  document.body.classList.toggle('single', series !== undefined);
  for (const line of document.querySelectorAll('.series')) {
    line.classList.toggle('chosen', line.dataset.series === series);
  }
}

for (const button of buttons) {
  const { series } = button.dataset;
  button.addEventListener('pointerenter', () => single(series));
  button.addEventListener('pointerleave', () => single(pinned));
  button.addEventListener('click', () => {
    pinned = pinned === series ? undefined : series;
    for (const each of buttons) each.setAttribute('aria-pressed', String(each.dataset.series === pinned));
    single(pinned);
  });
}

const reading = document.createElement('div');
reading.className = 'reading';
for (const panel of document.querySelectorAll('svg.panel')) {
  const { data, attack, left, right } = panel.dataset;
  const own = runs.filter((run) => run.data === data && run.attack === attack);
  const rounds = own[0].rounds;
  const cursor = panel.querySelector('.cursor');
  const hide = () => {
    reading.remove();
    cursor.setAttribute('visibility', 'hidden');
  };
  panel.addEventListener('pointerleave', hide);
  panel.addEventListener('pointermove', (event) => {
    const box = panel.getBoundingClientRect();
    const scale = panel.viewBox.baseVal.width / box.width;
    const at = (event.clientX - box.left) * scale;
    const share = (at - left) / (right - left);
    if (share < -0.05 || share > 1.03) return hide();
    const wanted = share * rounds.at(-1);
    let nearest = 0;
    rounds.forEach((round, i) => {
      if (Math.abs(round - wanted) < Math.abs(rounds[nearest] - wanted)) nearest = i;
    });
    const x = Number(left) + (rounds[nearest] / rounds.at(-1)) * (right - left);
    cursor.setAttribute('transform', 'translate(' + x + ' 0)');
    cursor.setAttribute('visibility', 'visible');

    const title = document.createElement('b');
    title.textContent = 'Round ' + rounds[nearest];
    const lines = [...own].sort((a, b) => b.accuracies[nearest] - a.accuracies[nearest]).map((run) => {
      const line = document.createElement('div');
      line.className = 's' + run.series;
      const value = document.createElement('span');
      value.textContent = (100 * run.accuracies[nearest]).toFixed(1) + '%';
      line.append(pipelines[run.series], value);
      return line;
    });
    reading.replaceChildren(title, ...lines);
    const figure = panel.parentElement;
    figure.append(reading);
    const space = document.documentElement.clientWidth - box.left;
    const beside = x / scale + 14;
    reading.style.left = (beside + reading.offsetWidth > space ? beside - 28 - reading.offsetWidth : beside) + 'px';
    reading.style.top = (box.top - figure.getBoundingClientRect().top + 6) + 'px';
  });
}
`;
