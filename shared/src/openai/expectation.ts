// What a parameter should have been, said from zod's issue with it: names, sizes and forms, never a value of the caller's.
import type * as z from "zod/mini";

type Issue = z.core.$ZodIssue;

/** zod's message of a check that was given none. */
const unsaid = "Invalid input";
const anotherForm = "the value is not one of the accepted forms";

/** A clause that begins with "expected" wherever the schema tells what is; a check's own message stands as it is. */
export function expectation(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return `expected ${issue.expected === "int" ? "integer" : issue.expected}`;
    case "invalid_value":
      return expectedOneOf(issue.values);
    case "invalid_union":
      return "options" in issue && issue.options !== undefined
        ? expectedOneOf(issue.options)
        : ofBranches(issue.errors);
    case "too_small":
      return `expected ${sizeName(issue.origin)} ${issue.inclusive === false ? ">" : ">="} ${issue.minimum}`;
    case "too_big":
      return `expected ${sizeName(issue.origin)} ${issue.inclusive === false ? "<" : "<="} ${issue.maximum}`;
    case "not_multiple_of":
      return issue.divisor === 1 ? "expected integer" : `expected a multiple of ${issue.divisor}`;
    case "invalid_format":
      return issue.format === "regex" ? `expected text that matches the pattern ${issue.pattern}` : anotherForm;
    case "invalid_key":
      return issue.issues[0] === undefined ? anotherForm : `of its name, ${expectation(issue.issues[0])}`;
    case "custom":
      return issue.message === unsaid ? anotherForm : issue.message;
    default:
      return anotherForm;
  }
}

/** Where the value has the type of a branch, what that branch wants of it; else all the types there are. */
function ofBranches(branches: readonly (readonly Issue[])[]): string {
  const firsts = branches.map(([first]) => first).filter((first) => first !== undefined);
  const rightType = firsts.find((first) => !isOfAnotherType(first));
  if (rightType !== undefined) return expectation(rightType);
  const each = [...new Set(firsts.map(expectation))];
  return each.map((one, index) => (index === 0 ? one : one.replace(/^expected /, ""))).join(" or ");
}

function isOfAnotherType({ code }: Issue): boolean {
  return code === "invalid_type" || code === "invalid_value" || code === "invalid_union";
}

function expectedOneOf(values: readonly unknown[]): string {
  return `expected ${values.map((value) => JSON.stringify(value)).join(" or ")}`;
}

function sizeName(origin: string): string {
  return origin === "array" || origin === "string" ? "a length" : "a value";
}
