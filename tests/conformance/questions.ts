// What the pocket model knows how to answer, in forms that every client can ask. Source: models/pocket/README.md.
import * as z from "zod";

export const count = {
  question: "Count from 1 to 20.",
  answer: Array.from({ length: 20 }, (_, i) => i + 1).join(", "),
};

export const person = {
  question: "Give me a JSON object with name Mira and age 31.",
  schema: z.object({ name: z.string(), age: z.int() }),
  answer: { name: "Mira", age: 31 },
};

export const weather = {
  question: "What is the weather in Paris?",
  tool: "get_weather",
  description: "Get the weather in a city",
  arguments: z.object({ city: z.string() }),
  call: { city: "Paris" },
  result: { temperature: 21, condition: "sunny" },
  answer: "It is 21 degrees and sunny in Paris.",
};
