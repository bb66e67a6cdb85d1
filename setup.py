"""The build puts the plugin template into the wheel; all other settings are in setup.cfg."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "*.egg-info", ".*", "build", "dist")


class WithTemplate(build_py):
    """An editable installation finds the template in the source tree, and needs no copy."""

    def run(self):
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib, "tulou", "_template")
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree("plugin_template", target, ignore=LEFT_OUT)


setup(cmdclass={"build_py": WithTemplate})
