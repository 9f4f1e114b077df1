interface LockedPackage {
  readonly version?: string;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface Lockfile {
  packages: Record<string, LockedPackage>;
}

// word in a package's name -> npm's `os`
const systems = { darwin: "darwin", win32: "win32", windows: "win32", linux: "linux", android: "android", freebsd: "freebsd", openharmony: "openharmony" } as const; // prettier-ignore
// word in a package's name -> npm's `cpu`; a bare 64 means x64
const processors = { arm64: "arm64", aarch64: "arm64", x64: "x64", "64": "x64", ia32: "ia32", arm: "arm", armv7: "arm", ppc64: "ppc64", riscv64: "riscv64", s390x: "s390x" } as const; // prettier-ignore

/** name -> version of the optional packages that some locked package names and the lock does not hold. */
function missingPlatforms(lock: Lockfile): Map<string, string> {
  const missing = new Map<string, string>();
  for (const { optionalDependencies = {} } of Object.values(lock.packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      if (lock.packages[`node_modules/${name}`] === undefined) missing.set(name, version);
    }
  }
  return missing;
}

/** Adds what is missing, in npm's order, and returns its names. @throws when a name does not tell its platform. */
export function completeLock(lock: Lockfile): string[] {
  const missing = missingPlatforms(lock);
  for (const [name, version] of missing) {
    lock.packages[`node_modules/${name}`] = { version, ...platformOf(name), optional: true };
  }
  const collator = new Intl.Collator("en");
  lock.packages = Object.fromEntries(Object.entries(lock.packages).toSorted(([a], [b]) => collator.compare(a, b)));
  return [...missing.keys()];
}

function platformOf(name: string): Pick<LockedPackage, "os" | "cpu" | "libc"> {
  const words = name.split(/[/-]/);
  const os = words.map((word) => systems[word as keyof typeof systems]).find((found) => found !== undefined);
  const cpu = words.map((word) => processors[word as keyof typeof processors]).find((found) => found !== undefined);
  if (os === undefined || cpu === undefined) throw new Error(`the name of ${name} does not tell its platform`);
  const libc = words.some((word) => word.startsWith("musl")) ? "musl" : words.includes("gnu") ? "glibc" : undefined;
  return { os: [os], cpu: [cpu], ...(libc === undefined ? {} : { libc: [libc] }) };
}
