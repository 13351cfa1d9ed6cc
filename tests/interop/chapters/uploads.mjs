// Uploads in parts: several at once, put together, checked, or given up.

import { createHash } from "node:crypto";

import { toFile } from "openai";

import { chapter, refused, say } from "../transcript.mjs";
import { colourRows, jsonl, sha256 } from "./rows.mjs";

export async function liveUploads(client) {
  chapter("uploads");
  const content = jsonl(colourRows(20));
  const md5 = createHash("md5").update(content).digest("hex");
  const send = async (uploadId, data) => client.uploads.parts.create(uploadId, { data: await toFile(data, "part") });
  const upload = await begin(client, content);
  say("begun", upload);
  say("for", upload.expires_at - upload.created_at);
  const pieces = [];
  for (let at = 0; at < content.length; at += 1500) pieces.push(content.subarray(at, at + 1500));
  const parts = await Promise.all(pieces.map((piece) => send(upload.id, piece)));
  for (const part of parts) say("part", part);
  const ids = parts.map((part) => part.id);
  await refused("another order", () => client.uploads.complete(upload.id, { part_ids: ids.toReversed(), md5 }));
  await refused("too few", () => client.uploads.complete(upload.id, { part_ids: ids.slice(1) }));
  await refused("strange part", () => client.uploads.complete(upload.id, { part_ids: ["part_nonesuch"] }));
  const completed = await client.uploads.complete(upload.id, { part_ids: ids, md5 });
  say("completed", completed);
  say("content", sha256(await (await client.files.content(completed.file.id)).text()) === sha256(content));
  await refused("completed again", () => client.uploads.complete(upload.id, { part_ids: ids }));
  await refused("part of a complete one", () => send(upload.id, Buffer.from("{}")));
  await refused("too late to cancel", () => client.uploads.cancel(upload.id));
  await client.files.delete(completed.file.id);
  const other = await begin(client, content);
  await send(other.id, content.subarray(0, 9));
  say("cancelled", await client.uploads.cancel(other.id));
  await refused("part of a cancelled one", () => send(other.id, Buffer.from("{}")));
  await refused("completed after all", () => client.uploads.complete(other.id, { part_ids: [] }));
  await refused("no such upload", () => client.uploads.cancel("upload_nonesuch"));
}

function begin(client, content) {
  return client.uploads.create({
    bytes: content.length,
    filename: "größe.jsonl",
    mime_type: "application/jsonl",
    purpose: "fine-tune",
    expires_after: { anchor: "created_at", seconds: 3600 },
  });
}
