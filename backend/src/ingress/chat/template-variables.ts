import { AppError } from "@sluice/shared/errors.ts";
import type { ReasoningEffort } from "@sluice/shared/openai/template-fields.ts";
import type { ChatTemplate, TemplateValue } from "#ingress/text/chat-template.ts";

/** The fields of a chat request that its template reads. */
export interface VariableFields {
  readonly reasoning_effort?: ReasoningEffort | null | undefined;
  readonly chat_template_kwargs?: Readonly<Record<string, TemplateValue>> | null | undefined;
}

type Variables = Readonly<Record<string, TemplateValue>>;

/** Throws where the template does not read what is asked for: it would change nothing. */
export function templateVariables(fields: VariableFields, template: ChatTemplate): Variables {
  const given = fields.chat_template_kwargs ?? {};
  const unread = Object.keys(given).find((name) => !template.reads(name));
  if (unread !== undefined) throw unsupported(`chat_template_kwargs.${unread}`);
  return { ...effortVariables(fields.reasoning_effort ?? undefined, template), ...given };
}

/** Templates that know no levels let thinking be on or off. */
function effortVariables(effort: ReasoningEffort | undefined, template: ChatTemplate): Variables {
  if (effort === undefined) return {};
  if (template.reads("reasoning_effort")) return { reasoning_effort: effort };
  if (template.reads("enable_thinking")) return { enable_thinking: effort !== "none" };
  if (effort === "none") return {};
  throw unsupported("reasoning_effort");
}

function unsupported(param: string): AppError {
  const publicText = `Unsupported parameter: '${param}' is not supported with this model.`;
  return new AppError("unsupported_parameter", { param, publicText });
}
