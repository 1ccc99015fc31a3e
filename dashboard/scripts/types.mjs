// Writes src/api/schema.d.ts, the types of what the API takes and answers, from the server's own description of itself:
//
//   npm run types -- http://127.0.0.1:8080/v1/openapi.json
import { writeFile } from "node:fs/promises";
import { generated } from "./generated.mjs";

const source = process.argv[2];
if (!source) {
  console.error("Say where the description is: npm run types -- http://127.0.0.1:8080/v1/openapi.json");
  process.exit(2);
}
const reply = await fetch(source);
if (!reply.ok) throw new Error(`${source} answered ${reply.status}`);
await writeFile(new URL("../src/api/schema.d.ts", import.meta.url), await generated(await reply.json()));
