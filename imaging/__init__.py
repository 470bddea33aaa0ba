"""Pure image functions for the steps of the pipelines: bytes and arrays in, arrays and bytes out.

Imports NumPy, Pillow, OpenCV and, for options and templates, pydantic, PyYAML and fontTools (pillow-heif and isal where
they are installed) and nothing of the project.
"""
