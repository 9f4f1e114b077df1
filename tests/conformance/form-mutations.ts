// Good forms made bad: a part dropped, doubled, renamed or given another value, or the text itself damaged.
import * as fc from "fast-check";

export interface Form {
  readonly body: string;
  readonly contentType: string;
}

/** name -> value, in the order of the form; the part called `file` is a file. */
type Fields = readonly (readonly [string, string])[];
type Change = (fields: Fields) => Fields;

const boundary = "sluice";
const oddNames = fc.constantFrom("", "file", "purpose", "__proto__", "expires_after", "expires_after[]", "a[b]", "x");
const oddValues = fc.oneof(
  fc.constantFrom("", "batch", "assistants", "-1", "1e9", "3600.5", "\u0000", "{", "x".repeat(5_000)),
  fc.string({ maxLength: 12, unit: "grapheme" }),
);

/** `at` is of 0 to 1. */
const place = fc.noBias(fc.nat(9_999)).map((at) => at / 10_000);
const change: fc.Arbitrary<Change> = fc.oneof(
  place.map(
    (at): Change =>
      (fields) =>
        fields.toSpliced(at * fields.length, 1),
  ),
  fc.tuple(place, oddValues).map(
    ([at, value]): Change =>
      (fields) =>
        fields.map((field, i) => (i === Math.floor(at * fields.length) ? [field[0], value] : field)),
  ),
  fc.tuple(place, oddNames, oddValues).map(
    ([at, name, value]): Change =>
      (fields) =>
        fields.toSpliced(at * fields.length, 0, [name, value]),
  ),
);

export function mutatedForm(good: Fields): fc.Arbitrary<Form> {
  const changed = fc
    .array(change, { minLength: 1, maxLength: 3 })
    .map((changes): Form => formOf(changes.reduce((fields, next) => next(fields), good)));
  const cut = fc
    .tuple(changed, place, fc.constantFrom("", "--", "\r\n", `--${boundary}`, "\u0000", "\r\n\r\n"))
    .map(([form, at, junk]) => ({ ...form, body: form.body.slice(0, at * form.body.length) + junk }));
  const mistyped = fc
    .tuple(
      changed,
      fc.constantFrom("multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=other",
        "application/json", "text/plain"), // prettier-ignore
    )
    .map(([form, contentType]) => ({ ...form, contentType }));
  return fc.oneof({ weight: 8, arbitrary: changed }, { weight: 2, arbitrary: cut }, { weight: 1, arbitrary: mistyped });
}

function formOf(fields: Fields): Form {
  const parts = fields.map(([name, value]) => {
    const filename = name === "file" ? '; filename="a.jsonl"' : "";
    return `--${boundary}\r\ncontent-disposition: form-data; name="${name}"${filename}\r\n\r\n${value}\r\n`;
  });
  return { body: `${parts.join("")}--${boundary}--\r\n`, contentType: `multipart/form-data; boundary=${boundary}` };
}
