"""Interfaces: the command line, HTTP and Python. They parse, call one handler and print; nobody imports them."""
