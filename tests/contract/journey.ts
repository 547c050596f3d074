// A desk's day with the types that openapi-typescript makes and openapi-fetch: run with URL and TOKEN, prints what it got.
import assert from "node:assert/strict";
import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Body = components["schemas"]["RequestBody"];
type Problem = components["schemas"]["Problem"];

const [url, token] = process.argv.slice(2);
const seen: object[] = [];
const note: Middleware = {
  async onResponse({ request, response }) {
    seen.push({
      method: request.method,
      path: new URL(request.url).pathname,
      status: response.status,
      headers: [...response.headers],
      body: await response.clone().text(),
    });
  },
};
const client = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${token}` } });
client.use(note);

function good<T>(answer: { data?: T; error?: unknown }): T {
  assert.ok(answer.data !== undefined, JSON.stringify(answer.error));
  return answer.data;
}

function sentence(problem: Problem): string {
  switch (problem.type) {
    case "/problems/version-stale":
      return "stale";
    case "/problems/dated-in-future":
      return "future";
    default:
      return problem.detail;
  }
}

const entry: Body = {
  kind: "evidence",
  requesting_country: "MA",
  requested_country: "ES",
  convention: "un1988",
  assistance: ["records"],
  events: [
    { type: "sent", occurred_on: "2026-03-02" },
    { type: "received", occurred_on: "2026-03-09" },
  ],
};
// What the contract refuses, the compiler refuses: an unknown value, a field that is missing, one that is not known.
// @ts-expect-error
const unknownKind: Body["kind"] = "evidently";
// @ts-expect-error
const noKind: Body = { requesting_country: "MA", requested_country: "ES" };
// @ts-expect-error
const unknownField: Body = { kind: "evidence", requesting_country: "MA", requested_country: "ES", colour: "red" };
void [unknownKind, noKind, unknownField];

const key = { header: { "Idempotency-Key": "a-case-in-typescript" } };
const logged = await client.POST("/api/v1/requests", { body: entry, params: key });
const request = good(logged);
const again = await client.POST("/api/v1/requests", { body: entry, params: key });
assert.equal(good(again).id, request.id);
assert.equal(again.response.headers.get("Idempotency-Replayed"), "true");

const path = { request_id: request.id };
const clocks = good(await client.GET("/api/v1/requests/{request_id}/clocks", { params: { path } })).items;
assert.ok(clocks.length > 0);
for (const clock of clocks) assert.ok(clock.due_on === null || clock.explanation.length > 0);

const act = await client.POST("/api/v1/requests/{request_id}/events", {
  params: { path, header: { "Idempotency-Key": "a-reminder-in-typescript" } },
  body: { type: "reminded", occurred_on: "2026-03-10" },
});
assert.equal(good(act).type, "reminded");

async function amend(version: string | null) {
  assert.ok(version);
  return client.PATCH("/api/v1/requests/{request_id}", {
    params: { path, header: { "If-Match": version } },
    body: { assigned_to: "desk 5" },
  });
}
const stale = await amend(logged.response.headers.get("ETag"));
assert.equal(stale.response.status, 412);
assert.ok(stale.error);
assert.equal(sentence(stale.error), "stale");
const fresh = await client.GET("/api/v1/requests/{request_id}", { params: { path } });
assert.equal(good(await amend(fresh.response.headers.get("ETag"))).assigned_to, "desk 5");

const refused = await client.POST("/api/v1/requests/{request_id}/events", {
  params: { path },
  body: { type: "reminded", occurred_on: "2099-01-01" },
});
assert.ok(refused.error);
assert.equal(sentence(refused.error), "future");

good(await client.POST("/api/v1/requests", { body: entry }));
const listed: string[] = [];
let cursor: string | null | undefined;
do {
  const query = { limit: 1, country: "ES" as const, ...(cursor ? { cursor } : {}) };
  const page = good(await client.GET("/api/v1/requests", { params: { query } }));
  listed.push(...page.items.map((item) => item.id));
  cursor = page.next_cursor;
} while (cursor !== null);
assert.ok(listed.length >= 2 && listed.includes(request.id));
assert.equal(new Set(listed).size, listed.length);

const agreement = good(
  await client.POST("/api/v1/agreements", {
    body: { title: "Treaty on legal assistance", kind: "mutual_legal_assistance", parties: ["MA", "ES"] },
  }),
);
const life = good(
  await client.POST("/api/v1/agreements/{agreement_id}/events", {
    params: { path: { agreement_id: agreement.id } },
    body: { type: "initialled", occurred_on: "2026-02-03" },
  }),
);
assert.deepEqual(life.events.map((event) => event.type), ["initialled"]);

const report = good(
  await client.GET("/api/v1/reports/sla", { params: { query: { from: "2026-01-01", to: "2027-01-01" } } }),
);
assert.ok(typeof report !== "string"); // CSV and XLSX are another matter
assert.ok(!Number.isNaN(Date.parse(report.as_of)));

console.log(JSON.stringify(seen));
