"""The HTTP service behind `tenfold serve`: Starlette on uvicorn, no torch.

server.py   sockets, signals, drain                    protocol.py  what uvicorn leaves open on the wire
app.py      routes put together                        guard.py     every request passes here, in and out
api.py      /v1                                        inference.py the Open Inference Protocol v2
engine.py   queues and threads that do the work        settings.py  every limit with its default
"""
