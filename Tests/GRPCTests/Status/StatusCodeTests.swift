import GRPC
import Testing

@Suite struct StatusCodeTests {
  @Test("Every code from 0 to 16 has its number and its name of the gRPC documents")
  func namesAndNumbers() {
    #expect(StatusCode.allCases.map(\.rawValue) == Array(0...16))
    #expect(StatusCode.unavailable.name == "UNAVAILABLE")
    #expect(StatusCode.internalError.name == "INTERNAL")
    for code in StatusCode.allCases {
      #expect(StatusCode(name: code.name) == code)
    }
  }

  @Test("A name is matched as it is written, in upper case", arguments: ["unavailable", "", "14"])
  func unknownName(name: String) {
    #expect(StatusCode(name: name) == nil)
  }

  @Test("A numeric grpc-status is a code, an unassigned number is UNKNOWN")
  func headerValue() {
    for code in StatusCode.allCases {
      #expect(StatusCode(headerValue: Array(code.headerValue.utf8)) == code)
    }
    #expect(StatusCode(headerValue: Array("17".utf8)) == .unknown)
    #expect(StatusCode(headerValue: Array("4294967295".utf8)) == .unknown)
  }

  @Test(
    "A grpc-status that is no number is unreadable",
    arguments: ["", "x", "-1", "1.0", " 1", "99999999999"])
  func unreadable(value: String) {
    #expect(StatusCode(headerValue: Array(value.utf8)) == nil)
  }
}
