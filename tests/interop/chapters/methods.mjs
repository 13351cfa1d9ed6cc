// Jobs that learn from preferences and from rewards.

import { toFile } from "openai";

import { chapter, refused, say } from "../transcript.mjs";
import { BASE, COLOURS, all, jsonl, reached } from "./rows.mjs";

export async function livePreferences(client, model) {
  chapter("preferences");
  const rows = [0, 1, 2, 3].flatMap((number) =>
    Object.entries(COLOURS).map(([thing, colour]) => ({
      input: { messages: [{ role: "user", content: `Which colour has ${thing} number ${number}?` }] },
      preferred_output: [{ role: "assistant", content: `It is ${colour}.` }],
      non_preferred_output: [{ role: "assistant", content: colour }],
    })),
  );
  const file = await client.files.create({ file: await toFile(jsonl(rows), "pairs.jsonl"), purpose: "fine-tune" });
  let job = await client.fineTuning.jobs.create({
    model,
    training_file: file.id,
    seed: 3,
    method: { type: "dpo", dpo: { hyperparameters: { beta: 0.2, n_epochs: 2, batch_size: "auto" } } },
  });
  say("created", job);
  job = await reached(client, job.id);
  say("ended", job);
  await tellAndDelete(client, job, file.id);
}

export async function liveRewards(client) {
  chapter("rewards");
  const grader = {
    type: "multi",
    name: "right",
    graders: {
      same: {
        type: "string_check",
        name: "same",
        input: "{{sample.output_text}}",
        reference: "{{item.colour}}",
        operation: "eq",
      },
    },
    calculate_output: "same",
  };
  const rows = [0, 1, 2, 3].flatMap((number) =>
    Object.entries(COLOURS).map(([thing, colour]) => ({
      messages: [{ role: "user", content: `Is ${thing} ${number} blue, green or white?` }],
      colour,
    })),
  );
  const file = await client.files.create({ file: await toFile(jsonl(rows), "tasks.jsonl"), purpose: "fine-tune" });
  const settings = { n_epochs: 2, reasoning_effort: "low", eval_interval: "auto", compute_multiplier: 1.5 };
  const method = { type: "reinforcement", reinforcement: { grader, hyperparameters: settings } };
  const ask = { model: BASE, training_file: file.id, seed: 3, method };
  await refused("without validation", () => client.fineTuning.jobs.create(ask));
  let job = await client.fineTuning.jobs.create({ ...ask, validation_file: file.id });
  say("created", job);
  job = await reached(client, job.id);
  say("ended", job);
  await tellAndDelete(client, job, file.id);
}

async function tellAndDelete(client, job, file) {
  const events = await all(client.fineTuning.jobs.listEvents(job.id, { limit: 100 }));
  say("last metrics", events.find((event) => event.type === "metrics"));
  const [checkpoint] = (await client.fineTuning.jobs.checkpoints.list(job.id, { limit: 1 })).data;
  say("last checkpoint", checkpoint);
  say("model", (await client.models.delete(job.fine_tuned_model)).deleted);
  for (const each of [file, ...job.result_files]) await client.files.delete(each);
}
