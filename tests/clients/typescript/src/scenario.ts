// What a vendor does first, through the client generated from openapi.yaml: signs in, reads a filtered list, edits with
// a retry on 412, imports with progress, follows a change feed. Ends with an error at the first thing that is not so.

import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./contract.js";

type Schemas = components["schemas"];

const client = createClient<paths>({ baseUrl: process.env["REGISTRAR_API"] ?? "http://127.0.0.1:8080" });

/** What an answer holds, or the problem as an error. */
function success<T>(answer: { data?: T; error?: Schemas["Problem"]; response: Response }): T {
  if (answer.data === undefined) {
    throw new Error(`${answer.response.status} ${answer.error?.title}: ${JSON.stringify(answer.error)}`);
  }
  return answer.data;
}

async function signIn(): Promise<string> {
  const wrong = await client.POST("/v1/sessions", { body: { tenant: "demo", username: "head", password: "wrong" } });
  assert.equal(wrong.error?.type, "urn:registrar:problem:unauthenticated");
  const session = success(await client.POST("/v1/sessions", { body: { tenant: "demo", username: "head", password: "Hoi-An-2026" } }));
  client.use({
    onRequest({ request }) {
      request.headers.set("Authorization", `Bearer ${session.access_token}`);
      return request;
    },
  });
  const me = success(await client.GET("/v1/me"));
  return `${me.username}, ${me.roles.join(", ")}`;
}

/** Every page of a filtered list. */
async function teachers() {
  const found: Schemas["PartialStaff"][] = [];
  let cursor: string | null | undefined;
  do {
    const query = { position: "teacher", status: "active", sort: "code", limit: 1, ...(cursor ? { cursor } : {}) } as const;
    const page = success(await client.GET("/v1/staff", { params: { query } }));
    found.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor);
  assert.ok(found.length > 1, "more than a page of teachers");
  assert.ok(found.every((teacher) => teacher.position === "teacher"));
  return found;
}

/** Changes a record whatever others do to it meanwhile; answers how often it had to be sent. */
async function edit(staff_id: string, change: Schemas["StaffPatch"], meanwhile: () => Promise<unknown>): Promise<number> {
  const path = { staff_id };
  for (let attempt = 1; attempt <= 5; attempt++) {
    const read = await client.GET("/v1/staff/{staff_id}", { params: { path } });
    success(read);
    const etag = read.response.headers.get("ETag") ?? assert.fail("no ETag");
    if (attempt === 1) await meanwhile();
    const written = await client.PATCH("/v1/staff/{staff_id}", {
      params: { path, header: { "If-Match": etag } },
      body: change,
      headers: { "Content-Type": "application/merge-patch+json" },
    });
    if (written.response.status !== 412) {
      success(written);
      return attempt;
    }
    assert.deepEqual(written.error?.errors?.map((error) => error.pointer), ["/email"]);
  }
  return assert.fail("others change it all the time");
}

async function colleagueEdits(staff_id: string): Promise<void> {
  success(
    await client.PATCH("/v1/staff/{staff_id}", {
      params: { path: { staff_id }, header: { "If-Match": "*" } },
      body: { email: "typescript@example.edu.vn" },
      headers: { "Content-Type": "application/merge-patch+json" },
    }),
  );
}

/** Sends a file and follows its progress to the end. */
async function importStaff(rows: number): Promise<{ seen: number; last: Schemas["Import"] }> {
  const row = (number: number) => `TS-${number},Nguyễn Văn An,1990-05-20,male,teacher,HA-17,2024-09-01`;
  const file = ["code,full_name,birth_date,gender,position,unit_code,started_on", ...Array.from({ length: rows }, (_, index) => row(index))];
  const started = success(
    await client.POST("/v1/staff/imports", {
      params: { query: { mode: "valid_rows" } },
      body: file.join("\n"),
      bodySerializer: (body) => body,
      headers: { "Content-Type": "text/csv" },
    }),
  );
  const path = { import_id: started.id };
  const stream = success(await client.GET("/v1/staff/imports/{import_id}/progress", { params: { path }, parseAs: "stream" }));
  assert.ok(stream);
  let [text, seen] = ["", 0];
  let last: Schemas["Import"] = started;
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const events = (text + part.value).split("\n\n");
    text = events.pop() ?? "";
    for (const event of events) {
      last = JSON.parse(event.slice(event.indexOf("data: ") + 6)) as Schemas["Import"];
      seen += 1;
    }
  }
  return { seen, last };
}

/** A copy of all staff the account may see, and where its feed goes on. */
class Mirror {
  readonly staff = new Map<string, Schemas["Staff"]>();
  #cursor: string | undefined;

  /** Reads what changed since the last time; answers how many records. */
  async follow(): Promise<number> {
    let changes = 0;
    for (let more = true; more; ) {
      const query = { limit: 200, ...(this.#cursor ? { cursor: this.#cursor } : {}) };
      const page = success(await client.GET("/v1/staff/changes", { params: { query } }));
      for (const record of page.items) {
        if (record.status === "ended") this.staff.delete(record.id);
        else this.staff.set(record.id, record);
      }
      changes += page.items.length;
      this.#cursor = page.next_cursor;
      more = page.more;
    }
    return changes;
  }

  /** Follows until a condition holds. */
  async until(condition: () => boolean): Promise<void> {
    const deadline = Date.now() + 30_000;
    for (await this.follow(); !condition(); await this.follow()) {
      assert.ok(Date.now() < deadline, "the change did not arrive");
    }
  }
}

console.log(`signed in: ${await signIn()}`);

const list = await teachers();
console.log(`filtered list: ${list.length} teachers`);

const id = list[0]?.id ?? assert.fail("a teacher without an id");
const attempts = await edit(id, { phone: "0905123457" }, () => colleagueEdits(id));
assert.equal(attempts, 2, "refused once, then taken");
console.log(`edit: taken at attempt ${attempts}`);

const { seen, last } = await importStaff(120);
assert.deepEqual([last.state, last.done, last.total, last.created, last.failed], ["done", 120, 120, 120, 0]);
assert.ok(seen >= 1);
console.log(`import: ${last.created} records, ${seen} events of progress`);

const mirror = new Mirror();
await mirror.until(() => mirror.staff.size >= list.length + 120);
const before = mirror.staff.size;
await edit(id, { status: "ended", ended_on: new Date().toISOString().slice(0, 10), end_reason: "TypeScript" }, async () => undefined);
await mirror.until(() => !mirror.staff.has(id));
assert.equal(mirror.staff.size, before - 1);
console.log(`change feed: ${before} records, one ended`);
