// The outputs that say in short what the logits say: each row's likeliest tokens, the likeliest first, of equals the one of
// lowest id.
export const candidateIdsName = "candidateIds"; // int64 [numLogitRows, numCandidates]
export const candidateLogitsName = "candidateLogits"; // float32 [numLogitRows, numCandidates]
