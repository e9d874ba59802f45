"""The parts that the OpenAPI document is built from; ``contracts/build.py`` puts them together."""
