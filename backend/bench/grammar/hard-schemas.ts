/** Schemas of which each is hard in its own way. */
export const hardSchemas: Readonly<Record<string, object>> = {
  "two members": { type: "object", properties: { name: { type: "string" }, age: { type: "integer" } } },
  "100 optional members": {
    type: "object",
    properties: Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`member ${index}`, { type: "string" }])),
  },
  "an enum of 1,000": { enum: Array.from({ length: 1000 }, (_, index) => `choice ${(index * 7919) % 1000}`) },
  "a string up to 64": { type: "string", maxLength: 64 },
  "a string up to 1,000": { type: "string", maxLength: 1000 },
  "an email": { type: "string", format: "email" },
  "a uri": { type: "string", format: "uri" },
};
