"""Runs a Python process of its own with the hotloop that is under test."""

import os
import subprocess
import sys


def package_path():
    """The folder that holds the package, to be put first on a child's path."""
    import hotloop
    return os.path.dirname(os.path.dirname(os.path.abspath(hotloop.__file__)))


def environment(**env):
    """The environment without any of hotloop's variables but those given."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("HOTLOOP")}
    path = [package_path()] + os.environ.get("PYTHONPATH", "").split(os.pathsep)
    clean["PYTHONPATH"] = os.pathsep.join(filter(None, path))
    clean.pop("PYTHONWARNINGS", None)
    return {**clean, **env}


def python(*args, cwd=None, text=True, stdin="", executable=sys.executable, **env):
    return subprocess.run([executable, *map(str, args)], env=environment(**env), cwd=cwd, text=text,
                          input=stdin if text else None, capture_output=True, timeout=100)


def hotloop(*args, **kwargs):
    return python("-m", "hotloop", *args, **kwargs)
