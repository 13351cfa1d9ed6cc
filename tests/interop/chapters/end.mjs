// The end of a fine-tune: model and files are deleted, its job stays.

import { chapter, refused, say } from "../transcript.mjs";
import { all } from "./rows.mjs";

export async function liveEnd(client, job, files) {
  chapter("the end");
  say("model", await client.models.delete(job.fine_tuned_model));
  await refused("it is gone", () => client.models.retrieve(job.fine_tuned_model));
  const hello = [{ role: "user", content: "hello" }];
  await refused("and silent", () => client.chat.completions.create({ model: job.fine_tuned_model, messages: hello }));
  say("its job", (await client.fineTuning.jobs.retrieve(job.id)).status);
  for (const file of [...files, ...job.result_files]) say("file", await client.files.delete(file));
  say("files left", (await all(client.files.list())).map((file) => file.id));
}
