import type * as z from "zod/mini";

type Plain<Value> = Value extends readonly (infer Item)[]
  ? readonly Plain<Item>[]
  : Value extends object
    ? { readonly [Key in keyof Value]: Plain<Value[Key]> }
    : Value;

/** Identical, where `extends` both ways would let optional members differ. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the compiler compares the two unresolved
type Same<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? unknown : never;

/** A schema of what `Answer` says, no more and no less: another one is no type. */
export function answerOf<Answer>() {
  return <Schema extends z.ZodMiniType>(schema: Schema & Same<Plain<z.output<Schema>>, Plain<Answer>>): Schema =>
    schema;
}
