import Glibc
import ProgressorServer

extension Environment {
  /// What the environment says of a service manager; it says so no more then, to no child either.
  /// Before there are threads that may read it (setenv(3)).
  static func takeInvitation() -> ServiceManager.Invitation {
    let invitation = ServiceManager.Invitation(environment: all, processID: getpid())
    for name in ServiceManager.Invitation.variables { unsetenv(name) }
    return invitation
  }
}
