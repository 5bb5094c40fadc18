"""The console: pages under `/` for people, made of the answers that the HTTP routes give to programs.

A page asks this server's own routes, as whoever looks at it, and renders what they say; a form is turned into the body
that a program would send. So there is one way to change weights, whoever asks and by whatever, and a page shows nothing
that HTTP and CLI do not tell. Pages work without JavaScript; the script saves round trips and draws nothing itself.
"""
