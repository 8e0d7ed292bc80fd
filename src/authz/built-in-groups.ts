import { ANY, type Pattern, patternOf } from './pattern.ts'

/**
 * API groups of the resources that Kubernetes itself brings. A version 2 policy names resources without their group;
 * when strict, `pods` is not the `pods` of another group, such as metrics.k8s.io or one that a custom resource invents.
 */
const GROUPS: Readonly<Record<string, string>> = {
  '': `bindings componentstatuses configmaps endpoints events limitranges namespaces nodes persistentvolumeclaims
    persistentvolumes pods podtemplates replicationcontrollers resourcequotas secrets serviceaccounts services`,
  apps: 'controllerrevisions daemonsets deployments replicasets statefulsets',
  extensions: 'daemonsets deployments ingresses networkpolicies replicasets',
  batch: 'cronjobs jobs',
  autoscaling: 'horizontalpodautoscalers',
  policy: 'poddisruptionbudgets podsecuritypolicies',
  'events.k8s.io': 'events',
  'discovery.k8s.io': 'endpointslices',
  'networking.k8s.io': 'ingressclasses ingresses ipaddresses networkpolicies servicecidrs',
  'rbac.authorization.k8s.io': 'clusterrolebindings clusterroles rolebindings roles',
  'storage.k8s.io':
    'csidrivers csinodes csistoragecapacities storageclasses volumeattachments volumeattributesclasses',
  'scheduling.k8s.io': 'priorityclasses',
  'coordination.k8s.io': 'leases',
  'node.k8s.io': 'runtimeclasses',
  'certificates.k8s.io': 'certificatesigningrequests clustertrustbundles',
  'apiextensions.k8s.io': 'customresourcedefinitions',
  'apiregistration.k8s.io': 'apiservices',
  'admissionregistration.k8s.io': `mutatingwebhookconfigurations validatingadmissionpolicies
    validatingadmissionpolicybindings validatingwebhookconfigurations`,
  'flowcontrol.apiserver.k8s.io': 'flowschemas prioritylevelconfigurations',
  'authentication.k8s.io': 'selfsubjectreviews tokenreviews',
  'authorization.k8s.io':
    'localsubjectaccessreviews selfsubjectaccessreviews selfsubjectrulesreviews subjectaccessreviews',
}

const GROUPS_OF = new Map<string, string[]>()
for (const [group, resources] of Object.entries(GROUPS))
  for (const resource of resources.split(/\s+/))
    GROUPS_OF.set(resource, [...(GROUPS_OF.get(resource) ?? []), group])

/** The groups in which Kubernetes itself has this resource; any group for names that it does not know. */
export function builtInGroups(resource: string): Pattern {
  const groups = GROUPS_OF.get(resource)
  return groups === undefined ? ANY : patternOf(groups)
}
