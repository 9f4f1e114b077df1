// Stands in for what no inference may need, such as D1: whoever asks fails.
export default {
  fetch(): Response {
    throw new Error("the bench has no such thing");
  },
};
