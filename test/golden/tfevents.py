"""An event file as TensorBoard's own classes write it, for test/formats/tfevents.test.ts. Writes tfevents.json beside this file.

    pip install tensorboard && python tfevents.py
"""

import base64
import io
import json
from pathlib import Path

import tensorboard
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary
from tensorboard.summary.writer.record_writer import RecordWriter

histogram = HistogramProto(
    min=-1, max=2, num=4, sum=1.5, sum_squares=5.25, bucket_limit=[0, 1, 2], bucket=[1, 1, 2]
)
image = Summary.Image(height=2, width=3, colorspace=1, encoded_image_string=bytes(range(200)))
values = [
    (1, Summary.Value(tag="loss/train", simple_value=0.1)),
    (2**40, Summary.Value(tag="Größe", simple_value=-2.5)),
    (3, Summary.Value(tag="weights", histo=histogram)),
    (4, Summary.Value(tag="filter", image=image)),
]
events = [Event(wall_time=1700000000.25, file_version="brain.Event:2")]
events += [Event(wall_time=1700000001, step=step, summary=Summary(value=[value])) for step, value in values]


class Memory(io.BytesIO):
    def close(self):
        pass


memory = Memory()
writer = RecordWriter(memory)
for event in events:
    writer.write(event.SerializeToString())
text = base64.b64encode(memory.getvalue()).decode()
Path(__file__).with_suffix(".json").write_text(json.dumps({"tensorboard": tensorboard.__version__, "file": text}) + "\n")
