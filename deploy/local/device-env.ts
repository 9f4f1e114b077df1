// What a graphics driver reads from the environment. Engines start with a bare one, so it is handed on by name.
import path from "node:path";

const driverVariables = [
  "HOME",
  "LD_LIBRARY_PATH",
  "VK_DRIVER_FILES",
  "VK_ICD_FILENAMES",
  "CUDA_VISIBLE_DEVICES",
  "LP_NATIVE_VECTOR_WIDTH",
] as const;

/** For an engine on a GPU. Shaders that Mesa's drivers compile are kept under `stateDir`. */
export function deviceEnv(env: NodeJS.ProcessEnv, stateDir: string): NodeJS.ProcessEnv {
  const present = driverVariables.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]] as const]));
  return { MESA_SHADER_CACHE_DIR: path.join(stateDir, "cache/shaders"), ...Object.fromEntries(present) };
}
