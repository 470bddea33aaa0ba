"""Pure image functions for the steps of the pipelines: bytes and arrays in, arrays and bytes out.

Imports NumPy, Pillow and OpenCV (pillow-heif and isal where they are installed) and nothing of the project.
"""
