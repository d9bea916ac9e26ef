import java.util.Map;
import software.amazon.kinesis.coordinator.CoordinatorConfig;
import software.amazon.kinesis.leases.LeaseManagementConfig;

/** What KCL 3.x alone has to be told. COMPATIBLE=true lets it share a table with workers of 2.x. */
final class Version {
    static void configure(LeaseManagementConfig leases, CoordinatorConfig coordinator, Map<String, String> settings) {
        if (settings.containsKey("COMPATIBLE")) {
            coordinator.clientVersionConfig(
                    CoordinatorConfig.ClientVersionConfig.CLIENT_VERSION_CONFIG_COMPATIBLE_WITH_2X);
        }
        if (settings.containsKey("QUICK")) {
            leases.leaseAssignmentIntervalMillis(1000L);
            leases.workerUtilizationAwareAssignmentConfig().workerMetricsReporterFreqInMillis(1000L);
            coordinator.schedulerInitializationBackoffTimeMillis(100);
        }
    }
}
