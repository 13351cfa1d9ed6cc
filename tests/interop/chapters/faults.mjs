// What the SDKs try again and what they don't; faults.yaml says what goes wrong.

import { toFile } from "openai";

import { chapter, refused, say } from "../transcript.mjs";
import { BASE, all, colourRows, jsonl } from "./rows.mjs";

export async function liveFaults(client) {
  chapter("faults");
  const patient = client.withOptions({ maxRetries: 1 });
  for (const name of ["breaks", "throttles", "hangs-up"]) say(name, (await patient.models.retrieve(name)).id);
  await refused("always throttles", () => patient.models.retrieve("always-throttles"));
  await refused("is busy", () => client.models.retrieve("is-busy"));
  const rows = await toFile(jsonl(colourRows(5)), "rows.jsonl");
  const file = await patient.files.create({ file: rows, purpose: "fine-tune" });
  const files = (await all(client.files.list())).map((each) => each.id);
  say("sent once, kept twice", [files.length, file.id === files[0]]);
  await refused("training", () => patient.fineTuning.jobs.create({ model: BASE, training_file: file.id }));
  const messages = [{ role: "user", content: "hello" }];
  await refused("retired", () => client.chat.completions.create({ model: "gpt-4o-2024-08-06", messages }));
  await refused("retired too", () => client.models.retrieve("gpt-4o-2024-08-06"));
  for (const each of files) await client.files.delete(each);
}
