// Jobs: trained, cancelled, failed and listed.

import { toFile } from "openai";

import { chapter, refused, say } from "../transcript.mjs";
import { BASE, all, colourRows, jsonl, reached } from "./rows.mjs";

export async function liveJob(client, training, validation) {
  chapter("a job");
  let job = await client.fineTuning.jobs.create({
    model: BASE,
    training_file: training,
    validation_file: validation,
    suffix: "Colours of things",
    seed: 5,
    metadata: { team: "sky", "größe": "1 – klein" },
    integrations: [{ type: "wandb", wandb: { project: "colours", tags: ["a", "b"] } }],
    method: {
      type: "supervised",
      supervised: {
        hyperparameters: { n_epochs: 4, batch_size: 4, learning_rate_multiplier: 1.5 },
      },
    },
  });
  say("created", job);
  job = await reached(client, job.id);
  say("ended", job);
  const page = await client.fineTuning.jobs.listEvents(job.id, { limit: 10 });
  say("newest events", page.data);
  say("more of them", page.hasNextPage());
  const events = await all(client.fineTuning.jobs.listEvents(job.id, { limit: 4 }));
  for (const event of events.toReversed()) say(`${event.level} ${event.type}`, event.message);
  say("without repetition", new Set(events.map((event) => event.id)).size === events.length);
  for await (const checkpoint of client.fineTuning.jobs.checkpoints.list(job.id, { limit: 1 })) {
    say("checkpoint", checkpoint);
  }
  return job;
}

export async function liveResults(client, job) {
  chapter("results");
  const [result] = job.result_files;
  say("file", await client.files.retrieve(result));
  const encoded = await (await client.files.content(result)).text();
  const lines = Buffer.from(encoded, "base64").toString().split("\n");
  say("header", lines[0]);
  say("lines", lines.length);
  say("first", lines[1]);
  say("last", lines.at(-1));
}

export async function livePause(client, training) {
  chapter("a paused job");
  const { jobs } = client.fineTuning;
  const hyperparameters = { n_epochs: 30, batch_size: 1 };
  const method = { type: "supervised", supervised: { hyperparameters } };
  const job = await jobs.create({ model: BASE, training_file: training, method });
  await reached(client, job.id, "running");
  say("pausing", ["pausing", "paused"].includes((await jobs.pause(job.id)).status));
  say("paused", (await reached(client, job.id, "paused")).status);
  await refused("paused again", () => jobs.pause(job.id));
  say("resumed", (await jobs.resume(job.id)).status);
  say("ended", (await reached(client, job.id)).status);
  const events = (await all(jobs.listEvents(job.id, { limit: 100 }))).filter((event) => event.type === "message");
  say("events", events.toReversed().map((event) => event.message));
  await refused("resumed at the end", () => jobs.resume(job.id));
}

export async function liveCancel(client, training) {
  chapter("a cancelled job");
  const job = await client.fineTuning.jobs.create({
    model: BASE,
    training_file: training,
    hyperparameters: { n_epochs: 50, batch_size: 1, learning_rate_multiplier: "auto" },
  });
  say("created", { hyperparameters: job.hyperparameters, method: job.method });
  await reached(client, job.id, "running");
  const cancelled = await client.fineTuning.jobs.cancel(job.id);
  say("cancelled", { status: cancelled.status, model: cancelled.fine_tuned_model, ended: Boolean(cancelled.finished_at) });
  say("last event", (await client.fineTuning.jobs.listEvents(job.id, { limit: 1 })).data);
  say("checkpoints", (await client.fineTuning.jobs.checkpoints.list(job.id)).data);
  await refused("cancelled again", () => client.fineTuning.jobs.cancel(job.id));
}

export async function liveFailure(client) {
  chapter("jobs that fail");
  const wrong = [...colourRows(4).slice(0, 11), { messages: [{ content: "no role" }] }];
  for (const [name, rows] of Object.entries({ "too few": colourRows(2), malformed: wrong })) {
    const file = await client.files.create({ file: await toFile(jsonl(rows), "rows.jsonl"), purpose: "fine-tune" });
    const made = await client.fineTuning.jobs.create({ model: BASE, training_file: file.id });
    const job = await reached(client, made.id);
    say(name, { status: job.status, error: job.error });
    say("last event", (await client.fineTuning.jobs.listEvents(job.id, { limit: 1 })).data);
    await client.files.delete(file.id);
  }
}

export async function liveLists(client, job) {
  chapter("lists of jobs");
  const pages = (await client.fineTuning.jobs.list({ limit: 3 })).iterPages();
  say("pages", (await all(pages)).map((page) => page.data.length));
  const ids = async (query) => (await all(client.fineTuning.jobs.list(query))).map((each) => each.id);
  say("all", await ids({ limit: 3 }));
  say("by metadata", await ids({ metadata: { "größe": "1 – klein" } }));
  say("by other metadata", await ids({ metadata: { team: "sea" } }));
  say("after", await ids({ after: job.id }));
  await refused("after nothing", () => client.fineTuning.jobs.list({ after: "ftjob-nonesuch" }));
}
