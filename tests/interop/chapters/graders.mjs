// Graders: checked and tried before a job is rewarded by them.

import { chapter, refused, say } from "../transcript.mjs";
import { BASE } from "./rows.mjs";

const SAME = {
  type: "string_check",
  name: "same",
  input: "{{sample.output_text}}",
  reference: "{{item.colour}}",
  operation: "eq",
};
const ALIKE = {
  type: "text_similarity",
  name: "alike",
  input: "{{sample.output_text}}",
  reference: "{{item.colour}}",
  evaluation_metric: "fuzzy_match",
};
const BOTH = {
  type: "multi",
  name: "both",
  graders: { same: SAME, alike: ALIKE },
  calculate_output: "0.5 * same + 0.5 * alike",
};
const PARSED = { ...SAME, name: "parsed", input: "{{sample.output_json.colour}}" };

export async function liveGraders(client, model) {
  chapter("graders");
  const { graders } = client.fineTuning.alpha;
  const item = { colour: "blue" };
  for (const grader of [SAME, ALIKE, BOTH]) say("valid", await graders.validate({ grader }));
  say("same of blue", await graders.run({ grader: SAME, model_sample: "blue", item }));
  const tried = [
    [SAME, "red"], [ALIKE, "blueish"], [BOTH, "blue"], [BOTH, "bluish"], [PARSED, '{"colour": "blue"}'], [PARSED, "blue"],
  ];
  for (const [grader, sample] of tried) {
    say(`${grader.name} of ${sample}`, short(await graders.run({ grader, model_sample: sample, item })));
  }
  say("no such field", short(await graders.run({ grader: SAME, model_sample: "blue", item: {} })));
  const judge = {
    type: "score_model",
    name: "judge",
    model,
    input: [{ role: "user", content: "How good is {{sample.output_text}} for {{item.colour}}?" }],
    range: [0, 1],
  };
  say("judged", await graders.run({ grader: judge, model_sample: "blue", item }));
  const program = { type: "python", name: "program", source: "def grade(sample, item):\n    return 1.0\n" };
  say("valid program", await graders.validate({ grader: program }));
  await refused("program", () => graders.run({ grader: program, model_sample: "blue", item }));
  const { name, ...nameless } = SAME;
  await refused("unknown operation", () => graders.validate({ grader: { ...SAME, operation: "alike" } }));
  await refused("no name", () => graders.validate({ grader: nameless }));
  await refused("unknown type", () => graders.validate({ grader: { type: "taste", name: BASE } }));
  await refused("bad formula", () => graders.validate({ grader: { ...BOTH, calculate_output: "same +" } }));
  await refused("no sample", () => graders.run({ grader: SAME, model_sample: null }));
}

/** What differs from run to run: without the names of all that did not go wrong. */
function short(run) {
  const errors = Object.entries(run.metadata.errors).filter(([, value]) => value === true).map(([name]) => name);
  return { reward: run.reward, parts: run.sub_rewards, errors: errors.sort() };
}
