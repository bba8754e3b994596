import GRPC
import Testing

@Suite struct HTTPStatusMappingTests {
  @Test(
    "An HTTP status without grpc-status is mapped by the gRPC document",
    arguments: [
      (200, StatusCode.unknown), (400, .internalError), (431, .internalError),
      (401, .unauthenticated), (403, .permissionDenied), (404, .unimplemented), (429, .unavailable),
      (502, .unavailable), (503, .unavailable), (504, .unavailable), (500, .unknown),
      (301, .unknown), (418, .unknown), (0, .unknown), (999, .unknown),
    ])
  func httpStatus(status: Int, code: StatusCode) {
    #expect(HTTPStatusMapping.statusCode(forHTTPStatus: status) == code)
  }

  @Test(
    "A reset without grpc-status is mapped by the gRPC document",
    arguments: [
      (0, StatusCode.internalError), (1, .internalError), (7, .unavailable), (8, .cancelled),
      (9, .internalError), (0xB, .resourceExhausted), (0xC, .permissionDenied),
      (0xD, .internalError), (0xFFFF_FFFF, .internalError),
    ] as [(UInt32, StatusCode)])
  func reset(errorCode: UInt32, code: StatusCode) {
    #expect(HTTPStatusMapping.statusCode(forResetCode: errorCode) == code)
  }
}
