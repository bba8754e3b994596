# The example processor. From the root of the repository:
#   docker build --file packaging/container/processor.Dockerfile --tag order-processor .

FROM python:3.11-slim-bookworm AS stubs
RUN pip install --no-cache-dir grpcio-tools==1.85.1
WORKDIR /stubs
COPY proto /proto
RUN python -m grpc_tools.protoc -I /proto --python_out=. --grpc_python_out=. \
        /proto/progressor/v1/types.proto /proto/progressor/v1/processor.proto

FROM python:3.11-slim-bookworm
RUN pip install --no-cache-dir grpcio==1.85.1 protobuf==7.36.2
COPY --from=stubs /stubs /stubs
COPY Examples/python/order_processor.py /order_processor.py
USER 65532:65532
ENV PYTHONPATH=/stubs PYTHONDONTWRITEBYTECODE=1 ORDER_PROCESSOR_ADDRESS=0.0.0.0:7071
EXPOSE 7071
CMD ["python", "/order_processor.py"]
