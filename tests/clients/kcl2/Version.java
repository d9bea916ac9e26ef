import java.util.Map;
import software.amazon.kinesis.coordinator.CoordinatorConfig;
import software.amazon.kinesis.leases.LeaseManagementConfig;

/** What KCL 2.x alone has to be told: nothing. */
final class Version {
    static void configure(LeaseManagementConfig leases, CoordinatorConfig coordinator, Map<String, String> settings) {
    }
}
