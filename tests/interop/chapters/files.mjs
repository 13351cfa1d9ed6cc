// Files: sent, listed, read and deleted.

import { createReadStream } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";

import { toFile } from "openai";

import { chapter, refused, say } from "../transcript.mjs";
import { all, colourRows, jsonl, sha256 } from "./rows.mjs";

export async function liveFiles(client) {
  chapter("files");
  const content = jsonl(colourRows(5));
  const training = await client.files.create({
    file: await toFile(content, "rows.jsonl"),
    purpose: "fine-tune",
    expires_after: { anchor: "created_at", seconds: 7200 },
  });
  say("created", training);
  say("lives for", training.expires_at - training.created_at);
  const folder = await mkdtemp(join(tmpdir(), "life-"));
  const path = join(folder, "größe – 1.jsonl");
  await writeFile(path, jsonl(colourRows(1)));
  const validation = await client.files.create({ file: createReadStream(path), purpose: "fine-tune" });
  await rm(folder, { recursive: true });
  say("streamed from the disk", validation);
  say("processed", (await client.files.waitForProcessing(validation.id)).status);
  say("retrieved", isDeepStrictEqual(await client.files.retrieve(training.id), training));
  say("content", sha256(await (await client.files.content(training.id)).text()));
  const made = [];
  for (let number = 0; number < 5; number++) {
    made.push(await client.files.create({ file: await toFile(Buffer.from("{}"), `${number}.jsonl`), purpose: "batch" }));
  }
  let page = await client.files.list({ purpose: "batch", limit: 2 });
  say("first page", page.data.map((each) => each.filename));
  while (page.hasNextPage()) {
    page = await page.getNextPage();
    say("next page", page.data.map((each) => each.filename));
  }
  const ascending = await all(client.files.list({ purpose: "batch", limit: 2, order: "asc", after: made[1].id }));
  say("ascending after the second", ascending.map((each) => each.filename));
  for (const file of made) say("deleted", await client.files.delete(file.id));
  await refused("gone", () => client.files.retrieve(made[0].id));
  await refused("its content", () => client.files.content(made[0].id));
  return [training.id, validation.id];
}
