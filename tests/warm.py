"""Programs in processes of their own that need not import Keras again: `run` and `start` instead of `subprocess`.

Importing TensorFlow or PyTorch takes four seconds of a processor; a fork of a process that has done so takes none. One
process a backend imports Keras, starts no thread, computes nothing, and forks for every program. A program finds what
`python PROGRAM` finds, but Keras and SciPy are imported before its environment variables are set, and kseg and the
modules in `tests/` can be imported. Tests of what an import does, or of a process without some package, take
`subprocess`.
"""

import atexit
import functools
import gc
import json
import os
import runpy
import subprocess
import sys
import tempfile
import time
import types
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).parents[1]


class Program:
    """A program that runs; `stdout` and `stderr` are files."""

    def __init__(self, server: "Server", arguments: list[str], environment: dict[str, str], cwd: str):
        self.server, self.arguments, self.returncode = server, arguments, None
        self.stdout, self.stderr = (tempfile.NamedTemporaryFile("r+") for _ in range(2))  # noqa: SIM115
        self.pid = server.ask(
            arguments=arguments, environment=environment, cwd=cwd, stdout=self.stdout.name, stderr=self.stderr.name
        )

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        if self.returncode is None:
            self.returncode = self.server.ask(poll=self.pid)
        return self.returncode

    def wait(self, timeout: float) -> int:
        end = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > end:
                self.kill()
                raise subprocess.TimeoutExpired(self.arguments, timeout)
            time.sleep(0.02)
        return self.returncode

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, 9)
            self.wait(60)


class Server:
    """The process of a backend that forks; each pytest worker has its own, from the first program on."""

    def __init__(self, backend: str):
        self.errors = tempfile.TemporaryFile("r+")  # noqa: SIM115
        # JAX and OpenBLAS read theirs when they are imported; a thread would not come along into a fork.
        environment = {**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu", "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, __file__], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.errors, text=True,
        )  # fmt: skip
        atexit.register(self.close)

    def ask(self, **request):
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            return json.loads(self.process.stdout.readline())
        except (BrokenPipeError, json.JSONDecodeError):
            self.errors.seek(0)
            raise RuntimeError(f"the process that forks has ended: {self.errors.read()[-3000:]}") from None

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(60)


server = functools.cache(Server)


@functools.cache
def quick_xla() -> str:
    """The XLA flags of a program on JAX: without MLIR hundreds of single operations are compiled in half the time."""
    flags = os.environ.get("XLA_FLAGS", "")
    try:
        known = tuple(map(int, version("jaxlib").split(".")[:2])) >= (0, 6)
    except PackageNotFoundError:
        known = False
    return f"{flags} --xla_cpu_use_fusion_emitters=false" if known else flags  # XLA aborts at an unknown flag


def start(arguments, *, backend="tensorflow", cwd=ROOT, **environment: str) -> Program:
    """Starts `python ARGUMENTS`: a script, or `-c CODE`, with further arguments."""
    flags = {"XLA_FLAGS": quick_xla()} if backend == "jax" else {}
    variables = {**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu", **flags, **environment}
    return Program(server(backend), [str(word) for word in arguments], variables, str(cwd))


def run(arguments, *, timeout: float = 300, **where) -> subprocess.CompletedProcess:
    """Runs `python ARGUMENTS` to its end and returns the text of both streams."""
    program = start(arguments, **where)
    code = program.wait(timeout)
    return subprocess.CompletedProcess(program.arguments, code, program.stdout.read(), program.stderr.read())


def serve() -> dict | None:
    """Forks for each line that arrives; returns the request in the child, which becomes the program."""
    import keras  # noqa: F401
    import scipy.ndimage  # noqa: F401

    if os.path.exists("/proc/self/task"):  # Linux tells
        assert len(os.listdir("/proc/self/task")) == 1, "a fork would lose a thread"
    gc.freeze()  # a program that ends would visit every object there is, and copy its page
    for line in iter(sys.stdin.readline, ""):
        request = json.loads(line)
        if "poll" in request:
            ended, status = os.waitpid(request["poll"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if ended else None
        else:
            answer = os.fork()
            if answer == 0:
                return request
        print(json.dumps(answer), flush=True)
    return None


def become(arguments: list[str], environment: dict[str, str], cwd: str, stdout: str, stderr: str) -> None:
    """Runs the program as the interpreter would; this process ends with it."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    for descriptor, path in enumerate((os.devnull, stdout, stderr)):
        opened = os.open(path, os.O_RDWR)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.stdin = open(0)  # noqa: SIM115
    program, *sys.argv[1:] = arguments
    named = [entry for entry in environment.get("PYTHONPATH", "").split(os.pathsep) if entry]
    sys.path[:0] = [*named, str(ROOT)]  # tests/ is there already
    if program == "-c":
        sys.argv[0] = "-c"
        code = sys.argv.pop(1)
        sys.path.insert(0, "")
        sys.modules["__main__"] = main = types.ModuleType("__main__")
        exec(compile(code, "<string>", "exec"), main.__dict__)
    else:
        sys.argv[0] = program
        sys.path.insert(0, str(Path(program).resolve().parent))
        runpy.run_path(program, run_name="__main__")


if __name__ == "__main__" and (request := serve()):
    become(**request)
