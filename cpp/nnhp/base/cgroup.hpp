// Linux's control groups, whose limits hold for the processes in them.
#pragma once

#include <string>
#include <vector>

namespace nnhp {

// Where the system shows its groups, and to which of them this process belongs.
struct CgroupPlaces {
  std::string groups = "/sys/fs/cgroup";
  std::string own = "/proc/self/cgroup";
};

// A group that the process is in: where its limits are files, and by which version's names.
struct Cgroup {
  std::string folder;
  int version;
};

// The groups that bound what `controller` ("cpu", "memory") hands out, the own one first, then
// those above it, whose limits hold for the groups in them. In a container the path may be one of
// the host, which is not there; the container's own group is then the last. None where the system
// has no groups.
std::vector<Cgroup> cgroups(const std::string& controller, const CgroupPlaces& places);

// CPUs that the smallest of these groups' quotas lets the process keep busy, rounded up; 0 when
// none has a quota.
int cpus_of_cgroups(const CgroupPlaces& places);

// CPUs of a quota in the words of version 2's `cpu.max`, such as "150000 100000"; 0 when there is
// none.
int cpus_of_quota(const std::string& cpu_max);

}  // namespace nnhp
