// What is told in the end, as one JSON document on the standard output.
export const state = { problems: [], patterns: [], pages: 0, themes: 0, widths: 0, looks: 0, violations: 0, clicks: 0, tasks: 0, stops: 0, requests: 0 };

const most = 60; // problems; more of them tell nothing new

export function problem(text) {
  if (state.problems.length < most && !state.problems.includes(text)) state.problems.push(text);
}

let began = Date.now();

// lap says on the standard error how long a part took, in seconds.
export function lap(name) {
  process.stderr.write(`${name}: ${((Date.now() - began) / 1000).toFixed(1)} s\n`);
  began = Date.now();
}
